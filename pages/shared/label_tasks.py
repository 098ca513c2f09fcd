"""The label tasks of a project: added, renamed and deleted."""

from __future__ import annotations

import streamlit as st

from embtune.project import Project
from pages.shared.layout import plain, told
from pages.shared.state import choose_task


def task_section(project: Project) -> None:
    """List the label tasks, with what can be done with each."""
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch", gap="xxsmall"):
            st.subheader("Label tasks", anchor=False)
            st.caption(
                "A task is a question asked of every record, such as Topic or Tone. Each has its own labels."
            )
        if st.button("Add a label task", key="task_add", icon=":material/add:"):
            add_dialog(project)
    for task in project.tasks:
        view = project.view(task=task.name)
        here = task.id == project.task.id
        labels = view.labels
        n = int(view.label_state().labelled.sum())
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            names = ", ".join(label.name for label in labels[:6]) + (" …" if len(labels) > 6 else "")
            st.markdown(
                f"**{plain(task.name)}**{' · shown now' if here and len(project.tasks) > 1 else ''}  \n"
                f":gray[{plain(task.description or names or 'no labels yet')} · {len(labels):,} label"
                f"{'' if len(labels) == 1 else 's'} · {n:,} labelled]",
                width="stretch",
            )
            if not here:
                st.button("Show", key=f"task_show_{task.id}", on_click=choose_task, args=(task.name,))
            if st.button("Change …", key=f"task_change_{task.id}"):
                change_dialog(view)


@st.dialog("Add a label task")
def add_dialog(project: Project) -> None:
    """Ask for a task's name."""
    with st.form("task_new", border=False):
        name = st.text_input("Name", max_chars=100, placeholder="Tone", key="task_new_name")
        about = st.text_input("The question (optional)", key="task_new_about")
        if st.form_submit_button("Add task", type="primary", key="task_new_sure"):
            with told():
                choose_task(project.add_task(name, description=about).task.name)
                st.rerun()


@st.dialog("Change a label task")
def change_dialog(view: Project) -> None:
    """Rename a task, or delete it."""
    task = view.task
    st.caption(f"{view.task_impact()[:1].upper()}{view.task_impact()[1:]}.")
    with st.form("task_edit", border=False):
        name = st.text_input("Name", task.name, max_chars=100, key=f"task_name_{task.id}")
        about = st.text_input("The question (optional)", task.description, key=f"task_about_{task.id}")
        saved = st.form_submit_button("Save", type="primary", key=f"task_save_{task.id}")
    if saved:
        with told():
            here = st.session_state.get("task") == task.name
            view.change_task(name=name, description=about)
            if here:
                choose_task(name.strip())
            st.rerun()
    if len(view.tasks) > 1:
        st.caption("Deleted, it takes all of that along. Undo, here or on History, brings it back.")
    if st.button("Delete this task", key=f"task_delete_{task.id}", icon=":material/delete:"):
        with told():
            view.delete_task()
            st.rerun()
