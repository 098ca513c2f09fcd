"""Projects: open one, make one of the sample or of a file, see what the current one needs next."""

from __future__ import annotations

from html import escape

import streamlit as st

import embtune
from embtune.jobs.runner import sweep
from embtune.project import Project
from embtune.records.sample import SAMPLE_NAME
from embtune.store.database import get_database
from embtune.store.projects import ProjectCard
from embtune.work.beginning import drop_failed_imports, open_sample
from pages.shared.import_draft import awaited_project, chosen_file, forget_file, take_back
from pages.shared.import_form import import_form
from pages.shared.jobs import ago, last_job
from pages.shared.layout import plain, title, told
from pages.shared.project_details import details, next_step
from pages.shared.refinery_import import brought_over
from pages.shared.state import choose_project, current_project, forget_project

_SHOWN_CARDS = 9
_CSS = """
<style>
  .st-key-projects_cards, .st-key-projects_details {
    display: grid; gap: .8rem; align-items: stretch;
    grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr));}
  .st-key-projects_details {grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr));}
  .st-key-projects_details > div > div, .st-key-projects_cards > div > div {height: 100%;}
  .st-key-projects_preview [data-testid="stElementToolbar"] {display: none;}
  [data-testid="stHtml"] code {
    font-size: .85em; padding: .1em .35em; border-radius: .3em; background: #8a93a226;}
  @media (max-width: 1250px) {.st-key-projects_details > div:first-child {grid-row: span 2;}}
  .projects-step {display: inline-block; width: 1.5em; line-height: 1.5em; text-align: center;
    border-radius: 50%; background: #8a93a233; font-weight: 600; font-size: .9em;}
  .projects-example {border-left: 3px solid #8a93a266; padding-left: .6em; margin-bottom: .35em;
    font-size: .92em; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
    overflow: hidden;}
  .projects-name {font-size: 1.25rem; font-weight: 620; overflow-wrap: anywhere;}
  .st-key-projects_welcome .stButton button {padding: .6rem 1.4rem;}
  .st-key-projects_welcome .stButton p {font-size: 1.08rem;}
  .projects-gap {margin-top: .5em;}
  .projects-label {white-space: nowrap; margin-right: .5em; line-height: 2;}
</style>
"""


def main() -> None:
    """Draw the page: the import form alone while a file is being chosen, else the projects."""
    st.html(_CSS)
    sweep(get_database())
    _settle_imports()
    cards = embtune.projects()
    project = current_project()
    importing = st.session_state.get("projects_importing", False) or chosen_file() is not None
    if project is not None and not importing:
        _overview(project, cards)
    elif importing:
        with st.container(horizontal=True, vertical_alignment="center"):
            title("Import a file")
            st.button("Cancel", key="projects_cancel", on_click=_leave_import)
        import_form()
    else:
        _welcome()


def _settle_imports() -> None:
    """Tell of imports that failed; if this visit started one, its form comes back."""
    reasons = drop_failed_imports()
    awaited = awaited_project()
    if awaited is not None and awaited not in reasons:
        project = current_project()
        job = last_job(project, "import") if project is not None and project.name == awaited else None
        if job is not None and job.state == "failed":
            take_back(job.error or "The import failed.")
        elif job is not None and job.state == "done":
            forget_file()
    for name in reasons:
        forget_project(name)
    if awaited in reasons:
        take_back(reasons.pop(awaited))
        st.rerun()  # the sidebar has drawn the project that is gone
    if reasons:
        st.session_state["projects_dropped"] = reasons
        st.rerun()
    for name, reason in st.session_state.pop("projects_dropped", {}).items():
        st.error(f"{plain(name)} was not made: {plain(reason)}", icon=":material/error:")


def _welcome() -> None:
    title(
        "Projects",
        "See a pile of texts as a map, draw around what belongs together, name it, and tune the map to it.",
    )
    with st.container(border=True, key="projects_welcome"):
        st.subheader("Start with the sample project", anchor=False)
        st.markdown(
            "432 short invented news texts in five topics, written for embtune. They embed in seconds; "
            "then you see them as a map."
        )
        _sample_button(primary=True)
    st.subheader("Or import a file of your own", anchor=False)
    import_form()


def _sample_button(*, primary: bool = False) -> None:
    if st.button(
        "Open the sample project", type="primary" if primary else "secondary", key="projects_sample"
    ):
        with told(), st.spinner("Importing the sample …"):
            choose_project(open_sample().name)
            st.rerun()


def _overview(project: Project, cards: list[ProjectCard]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        title("Projects")
        if SAMPLE_NAME not in [card.name for card in cards]:
            _sample_button()
        st.button("Import a file", key="projects_import_file", icon=":material/add:", on_click=_enter_import)
    card = next(card for card in cards if card.name == project.name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(
            f"<span class='projects-name'>{escape(project.name)}</span>"
            f" <span class='quiet num'>&nbsp; {_facts(card)}</span>"
        )
        if st.button("Delete project", key="projects_delete_current", type="tertiary"):
            _delete_dialog(project.name)
    next_step(project)
    brought_over(project)
    if card.n_records:
        details(project)
    others = [card for card in cards if card.name != project.name]
    if others:
        st.subheader("Other projects", anchor=False)
        _cards(others)


def _cards(cards: list[ProjectCard]) -> None:
    all_shown = st.session_state.get("projects_all", False)
    with st.container(key="projects_cards"):
        for card in cards if all_shown else cards[:_SHOWN_CARDS]:
            with st.container(border=True):
                _card(card)
    if len(cards) > _SHOWN_CARDS and not all_shown:
        st.button(f"Show all {len(cards):,} other projects", key="projects_show_all", on_click=_show_all)


def _card(card: ProjectCard) -> None:
    st.html(
        f"<b>{escape(card.name)}</b><br><span class='quiet num'>{_facts(card)}<br>used {ago(card.opened_at)}"
        f"{_running(card)}</span>"
    )
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button("Open", key=f"projects_open_{card.name}", on_click=choose_project, args=(card.name,))
        if st.button("Delete", key=f"projects_delete_{card.name}", type="tertiary"):
            _delete_dialog(card.name)


def _facts(card: ProjectCard) -> str:
    share = f" ({card.n_labelled / card.n_records:.0%})" if card.n_labelled and card.n_records else ""
    return f"{card.n_records:,} records · {card.n_labelled:,} labelled{share}"


def _running(card: ProjectCard) -> str:
    jobs = "1 job" if card.n_running_jobs == 1 else f"{card.n_running_jobs:,} jobs"
    return f" · {jobs} running" if card.n_running_jobs else ""


@st.dialog("Delete project")
def _delete_dialog(name: str) -> None:
    with told():
        project = embtune.open(name, create=False)
        status = project.status()
        n_votes = sum(status["annotations"].values())
        st.markdown(
            f"**{plain(name)}** goes with its {status['n_records']:,} records, {n_votes:,} votes, "
            f"{status['sessions']:,} sessions, "
            f"{len(status['embeddings']):,} embeddings and {len(status['versions']):,} tuned models. "
            + ("What runs for it is stopped. " if project.jobs(active=True) else "")
            + "This cannot be undone."
        )
        with st.form("projects_delete_form", border=False):
            typed = st.text_input("Type the project's name to confirm", key="projects_delete_name")
            if st.form_submit_button("Delete for good", type="primary"):
                if typed.strip() != name:
                    st.error(f"That is not {plain(name)}.", icon=":material/error:")
                else:
                    with st.spinner("Deleting …"):
                        project.delete()
                    forget_project(name)
                    st.rerun()


def _enter_import() -> None:
    st.session_state["projects_importing"] = True


def _leave_import() -> None:
    forget_file()
    st.session_state["projects_importing"] = False


def _show_all() -> None:
    st.session_state["projects_all"] = True


main()
