// Tells which part of the map the person looks at, so that a chart in other colours shows the same part: to the
// browser it is a new one, and would begin with all of it. It looks instead of listening, because a chart that is
// drawn anew in its place forgets who listened.
export default function ({ data, setStateValue }) {
  // Of each chart what it began with or what was told last: it outlives this function, which begins anew often.
  const known = (window.embtuneMapViews ||= new WeakMap());
  let before = "";
  const look = () => {
    const found = [...document.querySelectorAll(`.st-key-${data.chart} .js-plotly-plot`)].find(
      (chart) => !chart.closest("[data-retained='true']"), // the one that is going away
    );
    if (!found || !found._fullLayout || !found._fullLayout.xaxis) return;
    const { xaxis, yaxis } = found._fullLayout;
    const whole = xaxis.autorange === true || yaxis.autorange === true;
    const view = { map: data.map, ...(whole ? {} : { x: [...xaxis.range], y: [...yaxis.range] }) };
    const now = JSON.stringify(view);
    if (!known.has(found)) known.set(found, now); // it begins where it was told to
    const rests = now === before;
    before = now;
    if (!rests || now === known.get(found)) return;
    known.set(found, now);
    setStateValue("view", view);
  };
  const timer = setInterval(look, 100);
  look();
  return () => clearInterval(timer);
}
