// Comfort only: each page works without this file.
"use strict";

for (const choice of document.querySelectorAll("select[data-switches]")) {
  choice.addEventListener("change", () => {
    const button = document.getElementById(choice.dataset.switches);
    if (button) choice.form.requestSubmit(button);
  });
}

// The preview and the findings of a form follow what is typed into it.
for (const form of document.querySelectorAll("form[data-live]")) {
  let waiting = 0;
  let latest = 0;

  const follow = async () => {
    const number = ++latest;
    const sent = new URLSearchParams(new FormData(form));
    sent.set("preview", "1");
    const response = await fetch(form.action, { method: "POST", body: sent });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    // Another request may be under way, or the console may have ended.
    if (!response.ok || number !== latest) return;
    for (const part of form.querySelectorAll("[data-part]")) {
      const fresh = page.getElementById(part.id);
      if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
    }
  };

  form.addEventListener("input", (event) => {
    if (event.target.type === "radio") return;
    clearTimeout(waiting);
    waiting = setTimeout(() => follow().catch(() => {}), 250);
  });
}

// The list of an inbox, as emails arrive.
const list = document.querySelector("[data-news]");
if (list) {
  const look = async () => {
    const known = list.firstElementChild.dataset.version;
    const answer = document.hidden ? null : await fetch(`${list.dataset.news}&known=${known}`);
    if (answer && answer.status === 200) {
      const focused = list.contains(document.activeElement) && document.activeElement.getAttribute("href");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      list.replaceChildren(...page.body.children);
      if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    }
  };
  const again = () => look().catch(() => {}).then(() => setTimeout(again, 1000));
  setTimeout(again, 1000);
}
