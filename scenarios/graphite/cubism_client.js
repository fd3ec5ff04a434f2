// Cubism's own code for Graphite asks each of the servers; what its charts would be given comes out as JSON.
//     node cubism_client.js NOW EXPRESSIONS-AS-JSON URL...
"use strict";
const http = require("http");

// d3 was made for browsers; this much of one is enough for it.
global.XMLHttpRequest = class {
  constructor() { this.onload = this.onerror = null; this.headers = {}; }
  open(method, url) { this.method = method; this.url = url; }
  setRequestHeader(name, value) { this.headers[name] = value; }
  send() {
    const request = http.request(this.url, { method: this.method, headers: this.headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (more) => (text += more)).on("end", () => {
        Object.assign(this, { readyState: 4, status: answer.statusCode, responseText: text });
        this.onload();
      });
    });
    request.on("error", (error) => { throw error; }).end();
  }
};

global.window = { addEventListener() {} };

const cubism = require("cubism");
const [now, expressions, ...urls] = process.argv.slice(2);
const answers = urls.map((url) => Promise.all(JSON.parse(expressions).map((one) => ask(url, one))));
Promise.all(answers).then((answers) => console.log(JSON.stringify(answers)));

function ask(url, { expression, step, find, summarize }) {
  const context = cubism.context().step(step || 1e4).size(60).stop();
  const graphite = context.graphite(url);
  return new Promise((resolve) => {
    const done = (error, data) => resolve(error ? String(error) : data.map((value) => (Number.isNaN(value) ? null : value)));
    if (find) return graphite.find(find, (error, paths) => resolve(error ? String(error) : paths));
    // The request of a metric, without the clock that drives it.
    context.metric = (request) => {
      const stop = new Date(Math.floor((now * 1000) / context.step()) * context.step());
      const asked = () => request(new Date(stop - 60 * context.step()), stop, context.step(), done);
      return Object.assign(() => {}, { asked });
    };
    const metric = graphite.metric(expression);
    if (summarize) metric.summarize(summarize);
    metric.asked();
  });
}
