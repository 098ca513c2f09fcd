// Draws the heuristics with their numbers. Every text arrives as data and is set as text, never as HTML.
const COLUMNS = [
  { name: "heuristic", by: (one) => one.name.toLowerCase(), up: true, about: "Click to sort by name" },
  { name: "precision", small: "95 %, n", by: (one) => one.numbers?.low ?? one.suggested?.low ?? -1,
    about: "Share of its votes that is right, on records with a manual label: 95 % interval, and on how many. Labels that a suggested one was found on do not count. Sorted by the interval's lower end. Click a number to see those records." },
  { name: "hits", small: "coverage", by: (one) => one.numbers?.hits ?? -1, about: "Records it votes on, and their share of all records (coverage)" },
  { name: "overlaps", by: (one) => one.numbers?.overlaps ?? -1, about: "Records that another heuristic votes on, too" },
  { name: "conflicts", by: (one) => one.numbers?.conflicts ?? -1, about: "Records that another heuristic votes on otherwise" },
  { name: "adds", by: (one) => one.numbers?.adds ?? -1, about: "Records that no other heuristic votes on" },
];
const number = (n) => n.toLocaleString("en-US");
const percent = (share) => Math.round(100 * share);
const coverage = (share) => {
  const value = 100 * share;
  if (!value) return "0 %";
  return value < 0.1 ? "< 0.1 %" : `${value.toFixed(value < 10 ? 1 : 0)} %`;
};

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".heuristics");
  const steps = stepQueue(root, data.taken, setStateValue);
  const ticked = new Map(steps.pending.filter((step) => step.kind === "select").map((step) => [step.id, step.on]));
  let opened = steps.pending.findLast((step) => step.kind === "open")?.id ?? data.open;

  const make = (tag, className, ...inside) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...inside);
    return element;
  };
  const button = (className, title, onclick, ...inside) => {
    const element = make("button", className, ...inside);
    element.type = "button";
    element.title = title;
    element.onclick = (event) => {
      event.stopPropagation();
      onclick();
    };
    return element;
  };
  // On a small screen the editor is below the list, out of sight, and drawn a moment later.
  const reveal = (times) => {
    const editor = document.querySelector(".st-key-heuristics_editor");
    const hidden = !editor || editor.getBoundingClientRect().top > window.innerHeight / 3;
    // Only up and down: whatever is wider than its frame would move that sideways.
    const frame = editor?.closest('[data-testid="stMain"]');
    if (frame && hidden) frame.scrollTop += editor.getBoundingClientRect().top - frame.getBoundingClientRect().top - 8;
    if (hidden && times) setTimeout(() => reveal(times - 1), 150); // what is drawn above may push it down again
  };
  const open = (one) => {
    opened = one.id;
    steps.push({ kind: "open", id: one.id });
    draw();
    if (window.innerWidth <= 1200) reveal(40);
  };
  const counted = (one, what, n, name) => {
    const shown = n
      ? button("n", `Open these ${number(n)} records as a session`, () => steps.push({ kind: "records", id: one.id, what }), number(n))
      : make("span", "none", "0");
    return make("div", "num", make("span", "cell-name", name), shown);
  };

  const precision = (one) => {
    const cell = make("div", "num", make("span", "cell-name", "precision"));
    const known = one.numbers;
    const then = one.suggested;
    const found = then && then.precision !== null
      ? `When it was suggested: ${percent(then.precision)} % right, 95 % interval ${percent(then.low)} to ${percent(then.high)} %, n ${number(then.n)}, on labels it was not found on.`
      : "";
    if (!known?.known && found) {
      const figure = make("span", "none", `${percent(then.precision)} %`);
      figure.title = `${found} ${known ? "No label was given since on a record that it votes on." : "Measured anew after its run."}`;
      cell.append(figure, make("small", "", `${percent(then.low)}–${percent(then.high)} · n ${number(then.n)}`), make("small", "", "as suggested"));
      return cell;
    }
    if (!known || !known.known) {
      const none = make("span", "none", "–");
      none.title = known ? "No record that it votes on has a manual label" : "Known after its run";
      cell.append(none);
      if (known?.hits) cell.append(make("small", "", "no label yet"));
      return cell;
    }
    const low = percent(known.low);
    const high = percent(known.high);
    const title = `Right on ${number(known.right)} of ${number(known.known)} records with a manual label; 95 % interval ${low} to ${high} %. Click to see them, wrong ones first.${then ? ` Labels that it was found on do not count. ${found}` : ""}`;
    const bar = make("span", "span", make("i", ""), make("b", ""));
    bar.children[0].style.left = `${100 * known.low}%`;
    bar.children[0].style.width = `${100 * (known.high - known.low)}%`;
    bar.children[1].style.left = `${100 * known.precision}%`;
    cell.append(
      button("n", title, () => steps.push({ kind: "records", id: one.id, what: "known" }), `${percent(known.precision)} %`),
      bar,
      make("small", "", `${low}–${high} · n ${number(known.known)}`),
    );
    return cell;
  };

  const line = (one) => {
    const box = make("input", "");
    box.type = "checkbox";
    box.checked = ticked.get(one.id) ?? one.selected;
    box.setAttribute("aria-label", `Use ${one.name} in weak supervision`);
    box.onchange = () => {
      ticked.set(one.id, box.checked);
      steps.push({ kind: "select", id: one.id, on: box.checked });
      box.blur();
    };
    const tick = make("label", "tick", box);
    tick.title = "Use it in weak supervision";
    tick.onclick = (event) => event.stopPropagation();

    const state = make("span", `state ${one.state}`, make("i", ""), one.state);
    const about = make("div", "about");
    for (const label of one.labels) {
      const chip = make("span", "chip", label.name);
      chip.style.borderColor = label.color;
      chip.style.background = label.color + "26";
      about.append(chip);
    }
    about.append(state, make("span", "", one.kind));
    if (one.unsaved) about.append(make("span", "", "unsaved changes"));
    const main = make("div", "main", button("name", `Open: ${one.says || one.name}`, () => open(one), one.name), about);

    const row = make("div", one.id === opened ? "line row open" : "line row", tick, main, precision(one));
    row.dataset.id = one.id;
    row.onclick = () => open(one);
    if (one.numbers) {
      const hits = counted(one, "hits", one.numbers.hits, "hits");
      hits.append(make("small", "", coverage(one.numbers.coverage)));
      row.append(
        hits,
        counted(one, "overlaps", one.numbers.overlaps, "overlaps"),
        counted(one, "conflicts", one.numbers.conflicts, "conflicts"),
        counted(one, "adds", one.numbers.adds, "adds"),
      );
    }
    if (one.why) row.append(make("div", `why ${one.state}`, one.why));
    return row;
  };

  const head = () => {
    const cells = COLUMNS.map((column, i) => {
      const sorted = root.sorted?.i === i;
      const up = root.sorted?.up;
      const cell = button(
        `${i ? "num" : ""} ${sorted ? "sorted" : ""}`, column.about,
        () => {
          root.sorted = sorted && up !== !!column.up ? null : { i, up: sorted ? !up : !!column.up };
          draw();
        },
        `${column.name}${sorted ? (up ? " ↑" : " ↓") : ""}`,
      );
      if (column.small) cell.append(make("small", "", column.small));
      return cell;
    });
    return make("div", "line head", make("div", ""), ...cells);
  };

  const draw = () => {
    const lines = [...data.lines];
    if (root.sorted) {
      const by = COLUMNS[root.sorted.i].by;
      const sign = root.sorted.up ? 1 : -1;
      lines.sort((a, b) => sign * (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
    }
    root.replaceChildren(make("div", "frame", head(), ...lines.map(line)));
  };
  draw();
  // The list may come back long: what is open is in view when it first shows.
  const frame = root.shown ? null : root.closest('[data-testid="stMain"]') ?? document.querySelector('[data-testid="stMain"]');
  const row = frame && root.querySelector(".row.open");
  root.shown = true;
  if (row) {
    const [box, around] = [row.getBoundingClientRect(), frame.getBoundingClientRect()];
    if (box.bottom > around.bottom) frame.scrollTop += box.bottom - around.bottom + 8;
  }
}
