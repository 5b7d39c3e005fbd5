// What the pages do of themselves; without this file forms and links do it.
"use strict";
const page = document.body.dataset;

function fresh() {
  const part = document.querySelector("[data-fresh]");
  if (part) htmx.ajax("GET", part.dataset.fresh, { target: part, swap: "innerHTML" });
}

function local() {
  for (const time of document.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.getAttribute("datetime"));
    time.textContent = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    time.dataset.local = "";
  }
}

function lastSeen() {
  const log = document.querySelector("[role=log]");
  if (log) log.scrollTop = log.scrollHeight;
}

if (page.live) {
  const source = new EventSource(page.live);
  let refused = 0;
  source.addEventListener("open", fresh);
  source.addEventListener("changed", fresh);
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED && !refused) refused = setInterval(fresh, 5000);
  });
}

// A swap exchanges the field that was written in: the cursor goes to the new one.
let wrote = false;
document.addEventListener("submit", (event) => { wrote = event.target.matches(".say"); });
new MutationObserver(() => {
  local();
  lastSeen();
  if (wrote && document.activeElement === document.body) {
    document.querySelector(".say textarea")?.focus();
    wrote = false;
  }
}).observe(document.body, { childList: true, subtree: true });

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && field.matches(".say textarea")) {
    event.preventDefault();
    field.form.requestSubmit();
  }
});

local();
lastSeen();
