(function () {
  "use strict";
  var words = __WORDS__;
  var script = document.currentScript;
  var target = script ? script.src : "";
  var old = document.getElementById("bellwether-dialog");
  if (old) old.remove();

  function make(tag, style, text) {
    var element = document.createElement(tag);
    element.style.cssText = style;
    if (text) element.textContent = text;
    return element;
  }

  var cover = make("div", "position:fixed;inset:0;z-index:2147483647;background:rgba(0,0,0,.6);display:flex;align-items:center;justify-content:center;font:16px/1.4 system-ui,sans-serif;color:#222");
  cover.id = "bellwether-dialog";
  var box = make("form", "background:#fff;border-radius:8px;padding:24px;width:min(32rem,90vw);max-height:90vh;overflow:auto;box-sizing:border-box");
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-modal", "true");
  box.setAttribute("lang", words.lang);
  box.setAttribute("aria-label", words.title);
  box.noValidate = true;
  box.append(make("h2", "margin:0 0 4px;font-size:20px", words.title));
  box.append(make("p", "margin:0 0 16px", words.subtitle + " " + words.subtitle2));
  var told = make("p", "margin:0 0 12px;color:#b00020");
  told.setAttribute("role", "alert");
  box.append(told);

  function field(name, label, tag, value) {
    var id = "bellwether-" + name;
    var caption = make("label", "display:block;margin:0 0 4px;font-weight:600", label);
    caption.htmlFor = id;
    var input = make(tag, "display:block;width:100%;box-sizing:border-box;margin:0 0 12px;padding:8px;border:1px solid #888;border-radius:4px;font:inherit");
    input.id = id;
    input.name = name;
    input.value = value || "";
    if (tag === "textarea") input.rows = 5;
    box.append(caption, input);
    return input;
  }

  var first = field("name", words.labelName, "input", words.name);
  field("email", words.labelEmail, "input", words.email).type = "email";
  field("comments", words.labelComments, "textarea");
  var buttonStyle = "padding:8px 16px;border-radius:4px;font:inherit;cursor:pointer;margin-right:8px;";
  var submit = make("button", buttonStyle + "background:#1f5fbf;color:#fff;border:1px solid #1f5fbf", words.labelSubmit);
  submit.type = "submit";
  var close = make("button", buttonStyle + "background:#fff;color:#222;border:1px solid #888", words.labelClose);
  close.type = "button";
  box.append(submit, close);
  cover.append(box);

  var before = document.activeElement;
  function end() {
    document.removeEventListener("keydown", onKey, true);
    cover.remove();
    if (before && before.focus) before.focus();
  }
  function onKey(event) {
    if (event.key === "Escape") {
      end();
    } else if (event.key === "Tab") {
      // The rest of the page waits behind the dialog.
      var all = box.querySelectorAll("input,textarea,button");
      var edge = event.shiftKey ? all[0] : all[all.length - 1];
      if (document.activeElement === edge) {
        event.preventDefault();
        (event.shiftKey ? all[all.length - 1] : all[0]).focus();
      }
    }
  }
  document.addEventListener("keydown", onKey, true);
  close.addEventListener("click", end);

  box.addEventListener("submit", function (event) {
    event.preventDefault();
    submit.disabled = true;
    told.textContent = "";
    var form = new URLSearchParams(new FormData(box)).toString();
    var request = new XMLHttpRequest();
    request.open("POST", target);
    request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.onload = function () {
      submit.disabled = false;
      if (request.status === 200) {
        box.replaceChildren(make("p", "margin:0 0 16px", words.successMessage), close);
        close.focus();
      } else {
        told.textContent = request.status === 400 ? words.errorFormEntry : words.errorGeneric;
      }
    };
    request.onerror = function () {
      submit.disabled = false;
      told.textContent = words.errorGeneric;
    };
    request.send(form);
  });

  document.body.append(cover);
  first.focus();
})();
