// Comfort only: each page works without this file.
"use strict";

for (const choice of document.querySelectorAll("select[data-switches]")) {
  choice.addEventListener("change", () => {
    const button = document.getElementById(choice.dataset.switches);
    if (button) choice.form.requestSubmit(button);
  });
}
