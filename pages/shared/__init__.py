"""What pages share: state, layout, chips, charts and job cards."""
