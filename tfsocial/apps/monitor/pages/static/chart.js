// Draws a topic's counts; without this file the table below the chart says the same.
"use strict";
const place = document.getElementById("chart");
const asked = document.getElementById("asked");
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const ink = dark ? "#9aa4ae" : "#57606a";
const line = dark ? "#3b424a" : "#d0d7de";
let plot = null;

function size() {
  return { width: place.clientWidth, height: 260 };
}

function options() {
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  return {
    ...size(),
    legend: { show: false },
    scales: { x: { time: true }, y: { range: (u, low, high) => [0, Math.max(4, high * 1.1)] } },
    axes: [axis, { ...axis, size: 44 }],
    bands: [{ series: [3, 4], fill: dark ? "#3b424a88" : "#d0d7de88" }],
    series: [
      {},
      { stroke: dark ? "#fb923c" : "#c2410c", width: 2, points: { show: false } },
      { stroke: ink, dash: [5, 4], points: { show: false } },
      { stroke: "transparent", points: { show: false } },
      { stroke: "transparent", points: { show: false } },
      { stroke: dark ? "#8ab4f8" : "#0b57d0", width: 1, points: { show: false } },
    ],
  };
}

async function draw() {
  const query = new URLSearchParams(new FormData(asked));
  const answer = await fetch(`${place.dataset.chart}?${query}`);
  if (!answer.ok) return;
  const found = await answer.json();
  const values = [found.start, found.negative, found.expected, found.high, found.low, found.all];
  if (plot) plot.setData(values);
  else plot = new uPlot(options(), values, place);
  const last = found.start.at(-1);
  if (last) document.getElementById("until").textContent = new Date((last + found.width) * 1000).toLocaleString();
}

let waiting = 0;
function changed() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const query = new URLSearchParams(new FormData(asked));
    draw();
    htmx.ajax("GET", `/monitor/on?${query}`, { target: "#texts", swap: "innerHTML" });
  }, 150);
}

document.getElementById("drawn").hidden = false;
asked.addEventListener("input", changed);
addEventListener("resize", () => plot && plot.setSize(size()));
draw();
