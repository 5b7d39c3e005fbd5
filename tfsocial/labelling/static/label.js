// Keys for what the page's buttons do; without this file the buttons do it alone.
"use strict";
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = { "/": "other", n: "note" }[event.key];
  const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (field) document.getElementById(field)?.focus();
  else if (button) button.click();
  else return;
  event.preventDefault();
});
