"""Read the texts of traces and answers: thoughts and their tags, code and formulas, stated answers, options."""
