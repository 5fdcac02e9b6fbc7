"""Read stated answers and gold answers, before they are compared. Open `answer_reader.py` first."""
