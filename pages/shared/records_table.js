// The table of records. Every text arrives as data and is set as text, never as HTML. What a person does shows
// at once and waits in the queue until the server has it; a new answer of the server changes only the lines
// that differ, so that place, order and scroll stay.
const icon = (shapes) =>
  `<svg viewBox="0 0 16 16" width="15" height="15" fill="none" stroke="currentColor" stroke-width="1.5"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes}</svg>`;
const FLAG = icon('<path class="fill" d="M4 2.5h8l-2 2.8 2 2.8H4z"/><path d="M4 2v12"/>');
const COMMENT = icon('<path class="fill" d="M2.5 3h11v7.5H8L5 13v-2.5H2.5z"/>');
const SIMILAR = icon('<circle cx="5.2" cy="8" r="2.9"/><circle cx="10.8" cy="8" r="2.9"/>');
const NEIGHBORS = icon('<path d="M6 3H3v10h10v-3M9 3h4v4M13 3 7.5 8.5"/>');
const KEYS = [
  ["↑ ↓", "move, also K and J"],
  ["1–9, letters", "give the line its label, and move on"],
  ["0", "none of these"],
  ["Enter", "all labels, type to find"],
  ["⇧ Enter", "accept the predictions of this page"],
  ["→ ←", "open and close a long text"],
  ["Space", "tick the line; a label's key then labels all that are ticked"],
  ["F", "flag"],
  ["C", "comment"],
  ["U", "undo"],
  ["[ ]", "page before, next page"],
];

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".records");
  const steps = stepQueue(root, data.taken, setStateValue);
  const number = (value) => value.toLocaleString("en-US");

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children); // strings become text, never HTML
    return element;
  };
  const button = (className, title, onclick, ...children) => {
    const element = make("button", className, ...children);
    element.type = "button";
    if (title) element.title = title;
    if (title && !children.length) element.setAttribute("aria-label", title);
    element.onclick = (event) => {
      event.stopPropagation();
      onclick(event);
    };
    return element;
  };
  const drawn = (className, title, shape, onclick) => {
    const element = button(className, title, onclick);
    element.innerHTML = shape; // one of the drawings above
    return element;
  };
  const tinted = (element, color) => {
    element.style.borderColor = color;
    element.style.background = color + "26";
    return element;
  };

  // ---- parts that stay -----------------------------------------------------------------------
  if (!root.parts) {
    const scroll = make("div", "scroll");
    const head = make("div", "line head");
    const body = make("div", "body");
    scroll.append(head, body);
    root.parts = { bar: make("div", "bar"), scroll, head, body, foot: make("div", "foot"), help: make("div", "help") };
    root.append(root.parts.bar, scroll, root.parts.help, root.parts.foot);
    root.lines = new Map();
    root.open = new Set();
  }
  const { bar, scroll, head, body, foot, help } = root.parts;
  if (root.place !== data.place) {
    root.place = data.place;
    root.current = data.lines[0]?.row ?? null;
    root.open.clear();
    closeMenu();
    root.editing = null;
    scroll.scrollTop = 0;
    const active = document.activeElement;
    if (active?.closest?.(".st-key-records_find")) active.blur(); // found: the next keys are for the table
  }
  if (!data.lines.some((line) => line.row === root.current)) root.current = data.lines[0]?.row ?? null;

  // ---- what a person has done, as far as the server has not answered it -----------------------
  const labelOf = (id) => data.labels.find((one) => one.id === id);
  // Of very many labels, 1 to 9 give those the model finds likeliest for the line.
  const likelyOf = (row) => (data.lines.find((line) => line.row === row)?.likely ?? []).map(labelOf).filter(Boolean);
  const keyed = (key) =>
    data.many && /^[1-9]$/.test(key) ? likelyOf(root.current)[Number(key) - 1] : data.labels.find((one) => one.key === key);
  const seen = (line) => {
    let item = line;
    for (const step of steps.pending) {
      const mine = step.row === line.row || step.rows?.includes(line.row);
      if (step.kind === "bulk" ? !item.selected : !mine) continue;
      if (step.kind === "label") {
        const label = labelOf(step.label);
        item = { ...item, label: label?.name, color: label?.color, by: "by hand", guess: null };
      } else if (step.kind === "accept") {
        const label = labelOf(step.labels[step.rows.indexOf(line.row)]);
        item = { ...item, label: label?.name, color: label?.color, by: "by hand", guess: null };
      } else if (step.kind === "flag") item = { ...item, flagged: step.on };
      else if (step.kind === "select") item = { ...item, selected: step.on };
      else if (step.kind === "comment") item = { ...item, mine: step.text };
    }
    return item;
  };
  const lineOf = (row) => seen(data.lines.find((line) => line.row === row));
  const nSelected = () => {
    let n = data.n_selected;
    for (const line of data.lines) n += Number(seen(line).selected) - Number(line.selected);
    return n;
  };
  const send = (step) => {
    steps.push(step);
    draw();
  };
  const label = (row, id, onward) => {
    if (row === null) return;
    const before = root.current;
    send({ kind: "label", row, label: id });
    if (onward && before === row) move(1);
  };
  const give = (id) => (nSelected() ? send({ kind: "bulk", label: id }) : label(root.current, id, true));
  const flag = (row) => send({ kind: "flag", row, on: !lineOf(row).flagged });
  const predicted = () => (data.checking ? data.lines : []).map(seen).filter((item) => item.guess && !item.label);
  const accept = () => {
    const lines = predicted();
    if (lines.length) send({ kind: "accept", rows: lines.map((item) => item.row), labels: lines.map((item) => item.guess.id) });
  };
  const tick = (rows, on) => send({ kind: "select", rows, on });

  const move = (by) => {
    const at = data.lines.findIndex((line) => line.row === root.current);
    const next = data.lines[Math.min(Math.max(at + by, 0), data.lines.length - 1)];
    if (next) point(next.row, true);
  };
  const point = (row, scrolls) => {
    if (data.many && root.current !== row) {
      root.current = row;
      drawBar(nSelected());
    }
    root.current = row;
    for (const [key, line] of root.lines) line.element.classList.toggle("current", key === row);
    const line = scrolls ? root.lines.get(row)?.element : null;
    if (!line) return;
    const top = line.offsetTop - head.offsetHeight; // the table alone scrolls, never the page around it
    const bottom = line.offsetTop + line.offsetHeight - scroll.clientHeight;
    scroll.scrollTop = Math.max(Math.min(scroll.scrollTop, top), bottom);
  };
  const toPage = (page) => {
    if (page >= 0 && page < data.n_pages && page !== data.page) setTriggerValue("page", page);
  };

  // ---- the menu of all labels -----------------------------------------------------------------
  function closeMenu() {
    root.menu?.remove();
    root.menu = null;
  }
  const openMenu = (row, ticked = false) => {
    closeMenu();
    const item = lineOf(row);
    const find = make("input", "find");
    find.placeholder = "Type to find a label";
    find.setAttribute("aria-label", "Find a label");
    const list = make("div", "choices");
    const menu = make("div", "menu", find, list);
    let at = 0;
    const first = [item.guess?.id, ...(item.likely ?? [])];
    const rank = (one) => (first.includes(one.id) ? first.indexOf(one.id) : first.length);
    const likely = [...data.labels].sort((a, b) => rank(a) - rank(b));
    let choices = [];
    const pick = (one) => {
      closeMenu();
      if (ticked) give(one.id);
      else label(row, one.id, true);
    };
    const show = () => {
      const words = find.value.trim().toLowerCase();
      choices = likely.filter((one) => one.name.toLowerCase().includes(words)).slice(0, 60);
      at = Math.min(at, Math.max(choices.length - 1, 0));
      list.replaceChildren(
        ...choices.map((one, i) => {
          const dot = make("i", "dot");
          dot.style.background = one.color;
          const choice = button(i === at ? "choice at" : "choice", one.about, () => pick(one), dot, make("span", "", one.name));
          if (one.id === item.guess?.id) choice.append(make("span", "quiet", `${item.guess.sure} %`));
          if (one.key && !(data.many && /\d/.test(one.key))) choice.append(make("kbd", "", one.key.toUpperCase()));
          choice.onmousedown = (event) => event.preventDefault(); // the input keeps the focus
          return choice;
        }),
      );
      if (!choices.length) list.append(make("div", "quiet", "No label has that name."));
      list.children[at]?.scrollIntoView({ block: "nearest" });
    };
    find.oninput = () => {
      at = 0;
      show();
    };
    find.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "ArrowDown") at = Math.min(at + 1, choices.length - 1);
      else if (event.key === "ArrowUp") at = Math.max(at - 1, 0);
      else if (event.key === "Enter" && choices[at]) return pick(choices[at]);
      else if (event.key === "Escape") return closeMenu();
      else return;
      event.preventDefault();
      show();
    };
    find.onblur = () => setTimeout(() => root.menu === menu && closeMenu(), 120);
    root.append(menu);
    root.menu = menu;
    const anchor = root.lines.get(row).element.querySelector(".label").getBoundingClientRect();
    const frame = root.getBoundingClientRect();
    show();
    const below = anchor.bottom - frame.top + 2;
    const room = frame.height - below;
    menu.style.left = `${Math.min(anchor.left - frame.left, frame.width - 272)}px`;
    menu.style.top = `${room > menu.offsetHeight ? below : Math.max(0, anchor.top - frame.top - menu.offsetHeight - 2)}px`;
    find.focus({ preventScroll: true });
  };

  // ---- one line -------------------------------------------------------------------------------
  const editor = (item) => {
    const area = make("textarea", "editor");
    area.value = root.editing.text;
    area.rows = 2;
    area.placeholder = "Write a comment. Enter saves, Esc leaves it.";
    area.setAttribute("aria-label", "Comment");
    area.oninput = () => (root.editing.text = area.value);
    const end = () => {
      root.editing = null;
      root.lines.delete(item.row);
      draw();
    };
    area.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Escape") end();
      else if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        const text = area.value.trim();
        if (text !== item.mine) steps.push({ kind: "comment", row: item.row, text });
        end();
      }
    };
    requestAnimationFrame(() => area.focus());
    return area;
  };
  const comment = (row) => {
    root.editing = { row, text: lineOf(row).mine };
    root.lines.delete(row);
    draw();
  };
  const expand = (row, on) => {
    if (on) root.open.add(row);
    else root.open.delete(row);
    root.lines.delete(row);
    draw();
  };

  const line = (item) => {
    const row = make("div", "line row");
    row.dataset.row = item.row;
    const box = make("input", "");
    box.type = "checkbox";
    box.checked = item.selected;
    box.setAttribute("aria-label", `Select record ${number(item.no)}`);
    box.onclick = (event) => {
      event.stopPropagation();
      const last = data.lines.findIndex((one) => one.row === root.ticked);
      const here = data.lines.findIndex((one) => one.row === item.row);
      const [from, to] = event.shiftKey && last >= 0 ? [Math.min(last, here), Math.max(last, here)] : [here, here];
      root.ticked = item.row;
      tick(data.lines.slice(from, to + 1).map((one) => one.row), box.checked);
      box.blur();
    };
    const opened = root.open.has(item.row);
    const text = make("div", opened ? "text open" : "text");
    const pieces = opened && item.whole ? item.whole : item.pieces;
    pieces.forEach((piece, i) => piece && text.append(i % 2 ? make("mark", "", piece) : piece));
    const main = make("div", "main", text);
    const more = button("more", "", () => expand(item.row, !opened), opened ? "less" : "more");
    if (opened) main.append(more);
    else requestAnimationFrame(() => (item.whole || text.scrollHeight > text.clientHeight + 2) && text.after(more));
    if (root.editing?.row === item.row) main.append(editor(item));
    else if (item.mine) {
      const mine = button("note", "Change the comment", () => comment(item.row), item.mine);
      main.append(mine);
    }
    for (const one of item.comments) {
      main.append(make("div", "note other", make("b", "", `${one.by} `), one.text));
    }

    const chip = button(item.label ? "chip" : "chip open", "Change the label (Enter)", () => {
      point(item.row);
      openMenu(item.row);
    }, item.label ?? "unlabelled");
    tinted(chip, item.color ?? data.unlabelled_color);
    if (!item.label) chip.style.background = "none";
    const second = make("div", "second"); // there even when empty: a label must not move the lines below
    const given = make("div", "label", chip, second);
    if (item.by) second.append(make("span", "quiet", item.by));
    if (item.guess) {
      const dot = make("i", "dot");
      dot.style.background = item.guess.color;
      const accept = button("guess", `The model says ${item.guess.name}. Click to give this label.`, () => {
        point(item.row);
        label(item.row, item.guess.id, false);
      }, dot, make("span", "", item.guess.name), ` ${item.guess.sure} %`);
      second.append(accept);
    }
    const tools = make(
      "div", "tools",
      drawn(item.flagged ? "tool flag on" : "tool flag", item.flagged ? "Take the flag off (F)" : "Flag (F)", FLAG, () => flag(item.row)),
      drawn(item.comments.length || item.mine ? "tool on" : "tool", "Comment (C)", COMMENT, () => comment(item.row)),
    );
    if (data.embedded) {
      tools.append(
        drawn("tool", "Show records similar to this one", SIMILAR, () => setTriggerValue("similar", item.row)),
        drawn("tool", "See its neighbours", NEIGHBORS, () => setTriggerValue("neighbors", item.row)),
      );
    }
    const place = make("div", "no", number(item.no));
    if (item.cosine !== null) place.append(make("div", "cosine", item.cosine));
    row.append(make("label", "tick", box), place, main, ...item.fields.map((value) => make("div", "field", value)), given, tools);
    row.classList.toggle("selected", item.selected);
    row.classList.toggle("gone", item.gone);
    if (item.gone) row.title = "No longer matches; it stays here until you refresh";
    row.onclick = () => point(item.row);
    row.onmousemove = () => {
      if (root.hovered === item.row) return; // only a move from line to line counts, no tremble
      root.hovered = item.row;
      point(item.row);
    };
    return row;
  };

  // ---- everything -----------------------------------------------------------------------------
  function draw() {
    root.style.setProperty("--fields", data.columns.length ? `repeat(${data.columns.length}, minmax(5rem, 9rem))` : "");
    const ticked = nSelected();
    drawBar(ticked);
    drawHead();
    const scrolled = scroll.scrollTop;
    const lines = new Map();
    for (const one of data.lines) {
      const item = seen(one);
      const stamp = JSON.stringify([item, data.embedded, data.columns.length]);
      const known = root.lines.get(item.row);
      lines.set(item.row, known?.stamp === stamp ? known : { stamp, element: line(item) });
    }
    root.lines = lines;
    const wanted = [...lines.values()].map((one) => one.element);
    if (wanted.length !== body.children.length || wanted.some((element, i) => body.children[i] !== element)) {
      body.replaceChildren(...wanted);
    }
    point(root.current);
    scroll.scrollTop = scrolled;
    drawFoot();
    fit();
    requestAnimationFrame(fit);
  }

  function drawBar(ticked) {
    if (!data.has_labels) {
      bar.replaceChildren(make("span", "quiet", "There is no label yet: add the first one above."));
      return;
    }
    const shown = data.many
      ? likelyOf(root.current).map((one, i) => ({ ...one, key: String(i + 1) }))
      : data.labels.filter((one) => one.key).slice(0, 14);
    bar.replaceChildren(
      make("span", "quiet", ticked ? `label all ${number(ticked)}` : "label the line"),
      ...shown.map((one) => {
        const element = button("key", one.about || `Label ${ticked ? "what is ticked" : "the line"} ${one.name}`, (event) => {
          event.currentTarget.blur();
          give(one.id);
        }, make("kbd", "", one.key.toUpperCase()), make("span", "", one.name));
        element.style.setProperty("--label", one.color);
        return element;
      }),
    );
    const rest = data.labels.length - shown.length;
    if (rest > 0) bar.append(make("span", "quiet", `${number(rest)} more: Enter, then type`));
  }

  function drawHead() {
    const all = make("input", "");
    all.type = "checkbox";
    const on = data.lines.map((one) => seen(one).selected);
    all.checked = on.length > 0 && on.every(Boolean);
    all.indeterminate = !all.checked && on.some(Boolean);
    all.setAttribute("aria-label", "Select this page");
    all.title = "Select this page";
    all.onclick = () => tick(data.lines.map((one) => one.row), all.checked);
    const names = [...data.columns, "label"].map((name) => make("div", "", name));
    const first = make("div", "no", data.lines[0]?.cosine != null ? "cos" : "");
    head.replaceChildren(make("label", "tick", all), first, make("div", "", "text"), ...names, make("div", ""));
  }

  function drawFoot() {
    const status = make("div", "status");
    if (data.done) status.append(make("span", "", data.done));
    if (data.can_undo) status.append(button("link", "Undo (U)", () => send({ kind: "undo" }), "Undo"));
    if (data.changed) {
      const refresh = button("link", "Look for the records anew", () => setTriggerValue("refresh", 1), "Refresh");
      status.append(make("span", "changed", data.changed), refresh);
    }
    const likely = predicted().length;
    if (likely) {
      const title = "Give the records of this page that have no label yet the one that is predicted (Shift and Enter)";
      const words = likely === 1 ? "Accept 1 prediction" : `Accept ${number(likely)} predictions`;
      status.append(button("accept", title, accept, words, make("kbd", "", "⇧ Enter")));
    }
    clearTimeout(root.timer);
    root.timer = setTimeout(() => {
      if (steps.pending.length) status.prepend(make("span", "quiet", `saving ${steps.pending.length} … `));
    }, 1200);
    const hint = button("link quiet", "All keys", () => {
      root.helping = !root.helping;
      drawFoot();
    }, "? keys");
    const from = data.lines[0]?.no ?? 0;
    const to = data.lines.at(-1)?.no ?? 0;
    const pages = make("div", "pages", make("span", "", `${number(from)}–${number(to)} of ${number(data.n)}`));
    const before = button("step", "Page before ([)", () => toPage(data.page - 1), "‹");
    const next = button("step", "Next page (])", () => toPage(data.page + 1), "›");
    before.disabled = data.page === 0;
    next.disabled = data.page >= data.n_pages - 1;
    if (data.n_pages > 1) {
      const at = make("input", "at");
      at.value = String(data.page + 1);
      at.inputMode = "numeric";
      at.setAttribute("aria-label", "Page");
      at.onkeydown = (event) => {
        event.stopPropagation();
        if (event.key === "Enter") toPage(Math.min(Math.max(Number.parseInt(at.value, 10) || 1, 1), data.n_pages) - 1);
      };
      pages.append(before, at, make("span", "quiet", `of ${number(data.n_pages)}`), next);
    }
    foot.replaceChildren(status, hint, pages);
    help.classList.toggle("shown", Boolean(root.helping));
    if (root.helping) {
      help.replaceChildren(...KEYS.map(([key, what]) => make("div", "", make("kbd", "", key), make("span", "", what))));
    }
  }

  function fit() {
    if (!root.isConnected) return;
    const top = scroll.getBoundingClientRect().top + (document.querySelector('[data-testid="stMain"]')?.scrollTop ?? 0);
    const room = Math.max(260, Math.floor(window.innerHeight - top - foot.offsetHeight - 34));
    if (Math.abs((root.room ?? 0) - room) > 1) {
      root.room = room;
      scroll.style.maxHeight = `${room}px`;
    }
  }

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    const box = target.type === "checkbox";
    if (!box && target.closest?.("input, textarea, select, [contenteditable='true']")) return;
    if (document.querySelector("[role='dialog'], [data-testid='stPopoverBody'], [role='listbox']")) return;
    if (!root.isConnected || root.current === null) return;
    let key = event.key.toLowerCase();
    if (!event.shiftKey && /^Digit\d$/.test(event.code)) key = event.code[5]; // where digits need Shift
    const one = data.has_labels && keyed(key);
    const pressed = target.closest?.("button, a");
    if (one) event.repeat || give(one.id);
    else if (key === "arrowdown" || key === "j") move(1);
    else if (key === "arrowup" || key === "k") move(-1);
    else if (event.repeat) return;
    else if (key === "f") flag(root.current);
    else if (key === "c") comment(root.current);
    else if (key === "u") send({ kind: "undo" });
    else if (key === " " && !pressed) tick([root.current], !lineOf(root.current).selected);
    else if (key === "enter" && event.shiftKey) accept();
    else if (key === "enter" && !pressed) openMenu(root.current, nSelected() > 0);
    else if (key === "arrowright") expand(root.current, true);
    else if (key === "arrowleft") expand(root.current, false);
    else if (key === "[") toPage(data.page - 1);
    else if (key === "]") toPage(data.page + 1);
    else if (key === "?") {
      root.helping = !root.helping;
      drawFoot();
    } else if (key === "escape" && root.helping) {
      root.helping = false;
      drawFoot();
    } else return;
    event.preventDefault();
  };
  if (root.onKey) document.removeEventListener("keydown", root.onKey);
  if (root.onFit) window.removeEventListener("resize", root.onFit);
  root.onKey = onKey;
  root.onFit = fit;
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", fit);

  draw();
  setTimeout(fit, 400);
  return () => {
    document.removeEventListener("keydown", onKey);
    window.removeEventListener("resize", fit);
  };
}
