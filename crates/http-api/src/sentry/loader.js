(function () {
  "use strict";
  // Written there by the server: {"dsn": …, "client": …}.
  var settings = __SETTINGS__;
  // A page that brings the client itself, or has this twice.
  if (window.Sentry) return;

  // Whoever has more before the client is there has a fault that the first ones tell.
  var MOST = 100;
  var SENDING = ["captureException", "captureMessage", "captureEvent", "captureFeedback", "showReportDialog"];
  var QUIET = ["addBreadcrumb", "configureScope", "withScope", "setContext", "setExtra", "setExtras", "setTag", "setTags", "setUser"];
  var script = document.currentScript;
  var isLazy = !script || script.getAttribute("data-lazy") !== "no";
  // What is to be done once the client is there, in the order in which it came.
  var deeds = [];
  var callbacks = [];
  var options;
  var isAsked = false;

  function keep(list, one) {
    if (list.length < MOST) list.push(one);
  }

  function attempt(work) {
    try {
      work();
    } catch (error) {
      console.error(error);
    }
  }

  function keepError(error, type) {
    keep(deeds, function (client) {
      client.captureException(error, { mechanism: { type: type, handled: false } });
    });
    load();
  }

  function onError(event) {
    keepError(event.error || event.message, "onerror");
  }

  function onRejection(event) {
    keepError(event.reason, "onunhandledrejection");
  }

  function load() {
    if (isAsked) return;
    isAsked = true;
    var element = document.createElement("script");
    element.src = settings.client;
    element.crossOrigin = "anonymous";
    element.onload = ready;
    element.onerror = function () {
      console.error("errors of this page are not sent: there is no client at " + settings.client);
    };
    (document.head || document.documentElement).appendChild(element);
  }

  function init(given) {
    options = given;
    load();
  }

  function onLoad(callback) {
    keep(callbacks, callback);
  }

  var standIn = { init: init, onLoad: onLoad, forceLoad: load };
  SENDING.concat(QUIET).forEach(function (name) {
    standIn[name] = function () {
      var given = arguments;
      keep(deeds, function (client) {
        client[name].apply(client, given);
      });
      if (SENDING.indexOf(name) >= 0) load();
    };
  });
  window.Sentry = standIn;
  window.addEventListener("error", onError);
  window.addEventListener("unhandledrejection", onRejection);
  if (!isLazy) load();

  function ready() {
    // It may have put its own functions into ours.
    var sdk = window.Sentry;
    var begin = sdk && sdk.init;
    if (typeof begin !== "function" || begin === init) {
      console.error("errors of this page are not sent: what is at " + settings.client + " is not Sentry's client");
      return;
    }
    var isBegun = false;
    // A copy, as what a bundler exports cannot be changed.
    var client = Object.assign({}, sdk, {
      init: function (given) {
        isBegun = true;
        return begin(Object.assign({ dsn: settings.dsn }, given));
      },
      onLoad: attempt,
      forceLoad: function () {},
    });
    window.Sentry = client;
    window.removeEventListener("error", onError);
    window.removeEventListener("unhandledrejection", onRejection);
    if (typeof window.sentryOnLoad === "function") attempt(window.sentryOnLoad);
    callbacks.forEach(attempt);
    if (!isBegun) client.init(options);
    deeds.forEach(function (deed) {
      attempt(function () {
        deed(client);
      });
    });
  }
})();
