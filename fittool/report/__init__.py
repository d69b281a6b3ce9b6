"""Pictures and pages for people: contact sheets, figures, reports."""
