// What the pages cannot do with HTML alone: one event stream, the dialog, the selection, menus and the drawer.
(() => {
  "use strict";
  const root = document.documentElement;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `cebox_zone=${encodeURIComponent(zone)}; Path=/; SameSite=Lax; Max-Age=31536000`;

  // Live: an event names a topic; whatever shows that topic fetches itself again, at most four times a second.
  const due = new Map();
  const refresh = (element) => {
    if (due.has(element)) { due.set(element, true); return; }
    const turn = () => {
      due.set(element, false);
      if (element.isConnected) htmx.trigger(element, "live");
      setTimeout(() => { if (due.get(element)) turn(); else due.delete(element); }, Number(element.dataset.pace) || 250);
    };
    turn();
  };
  const refreshTopic = (topic) => {
    for (const element of document.querySelectorAll("[data-live]")) {
      if (topic === "*" || element.dataset.live.split(" ").includes(topic)) refresh(element);
    }
  };
  const sign = document.getElementById("stream");
  const show = (state) => {
    if (!sign || sign.dataset.state === state) return;
    sign.dataset.state = state;
    for (const part of sign.children) part.hidden = part.dataset.when !== state;
  };
  let isFirst = true;
  const listen = () => {
    const source = new EventSource(root.dataset.events);
    let silence;
    // The server writes every 15 s; three missed words mean the connection is dead though nobody said so.
    const heard = () => { clearTimeout(silence); silence = setTimeout(() => { source.close(); lost(); }, 50_000); };
    const lost = () => { clearTimeout(silence); show("lost"); setTimeout(listen, 2000); };
    source.onopen = () => { heard(); show("live"); if (!isFirst) refreshTopic("*"); isFirst = false; };
    source.addEventListener("beat", heard);
    source.addEventListener("changed", (event) => { heard(); event.data.split(" ").forEach(refreshTopic); });
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) lost(); else { heard(); show("lost"); } };
  };
  if (root.dataset.events) listen();

  // A refresh leaves an open menu open, and what is being typed as it is typed.
  Idiomorph.defaults.ignoreActiveValue = true;
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.localName === "details");

  // Dialog: filled by htmx, shown by the browser (which traps focus, closes on Escape and gives focus back).
  const dialog = document.getElementById("dialog");
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "dialog") return;
    if (!dialog.open) dialog.showModal();
    const wish = dialog.querySelector("[data-focus]");
    if (wish && !dialog.contains(document.activeElement)) wish.focus();
  });
  const closeDialog = () => { if (dialog && dialog.open) dialog.close(); };
  if (dialog) dialog.addEventListener("close", () => { dialog.replaceChildren(); });
  document.addEventListener("done", (event) => {
    closeDialog();
    refreshTopic("*");
    const pattern = document.getElementById("toast");
    const note = pattern.content.firstElementChild.cloneNode(true);
    note.querySelector("p").textContent = event.detail.message;
    document.getElementById("toasts").append(note);
    setTimeout(() => note.remove(), 8000);
  });

  document.addEventListener("click", (event) => {
    const part = event.target.closest("[data-close], [data-drawer], [data-clear], .menu .item");
    for (const menu of document.querySelectorAll(".menu[open]")) {
      if (!menu.contains(event.target) || (part && part.matches(".item"))) menu.open = false;
    }
    if (!part) return;
    if (part.hasAttribute("data-close")) { event.preventDefault(); closeDialog(); }
    if (part.hasAttribute("data-drawer")) {
      const side = document.getElementById("menu");
      const isOpen = side.classList.toggle("open");
      document.querySelector(".top [data-drawer]").setAttribute("aria-expanded", String(isOpen));
      if (isOpen) side.querySelector("a, button, select").focus();
    }
    if (part.hasAttribute("data-clear")) { for (const box of picks()) box.checked = false; count(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector(".menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    const side = document.querySelector(".side.open");
    if (side) side.classList.remove("open");
  });

  // Selection: lives in the page, keeps its boxes through live refreshes.
  const picks = () => document.querySelectorAll(".pick");
  const chosen = new Set();
  const count = () => {
    const bar = document.getElementById("selection");
    if (!bar) return;
    for (const box of picks()) if (box.checked) chosen.add(box.value); else chosen.delete(box.value);
    bar.hidden = chosen.size === 0;
    bar.querySelector("[data-count]").textContent = String(chosen.size);
    const all = document.getElementById("pick-all");
    if (all) { const boxes = [...picks()]; all.checked = boxes.length > 0 && boxes.every((box) => box.checked); }
  };
  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") for (const box of picks()) box.checked = event.target.checked;
    if (event.target.matches(".pick, #pick-all")) count();
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("htmx:afterSettle", () => {
    const kept = new Set(chosen);
    chosen.clear();
    for (const box of picks()) box.checked = kept.has(box.value);
    count();
  });
  count();
})();
