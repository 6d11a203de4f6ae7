
"use strict";

// --- Texts ---

const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const at = (stats, path) => path.split(".").reduce((value, name) => value?.[name], stats);
const sum = (object) => Object.values(object).reduce((total, count) => total + count, 0);

function scaled(number, step, units) {
  let unit = 0;
  while (number >= step * 0.9995 && unit < units.length - 1) {
    number /= step;
    unit += 1;
  }
  return Number(number.toFixed(number >= 99.95 ? 0 : 1)) + units[unit];
}

function short(number) {
  return number < 9999.5 ? whole.format(Math.round(number)) : scaled(number, 1000, ["", "k", "M", "G", "T"]);
}

function bytes(number) {
  return scaled(Math.round(number), 1000, [" B", " kB", " MB", " GB", " TB"]);
}

function time(micros) {
  const seconds = micros / 1e6;
  if (seconds < 1e-3) return Math.round(micros) + " µs";
  if (seconds < 1) return scaled(micros / 1e3, 1e9, [" ms"]);
  if (seconds < 60) return scaled(Math.round(seconds * 10) / 10, 1e9, [" s"]);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([length]) => seconds >= length);
  let rest = Math.floor(seconds);
  return parts.slice(first, first + 2).map(([length, unit]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count + " " + unit;
  }).join(" ");
}

const FORMATS = {
  short, bytes, time,
  text: String,
  count: (number) => whole.format(number),
  percent: (number) => number.toFixed(1) + " %",
};

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function add(parent, name, attributes = {}, text = "") {
  const isSvg = parent.namespaceURI.endsWith("svg") || name === "svg";
  const element = isSvg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}
