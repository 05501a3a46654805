// Shows and serves the buttons that copy: a page may still be on its way, so this file waits for nothing.
"use strict";

document.documentElement.classList.add("scripted");
document.addEventListener("click", async event => {
  const button = event.target.closest("button[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = button.dataset.done;
  } catch {
    // Browsers give no clipboard to plain HTTP from elsewhere: Ctrl-C copies what is selected.
    getSelection().selectAllChildren(source);
  }
});
