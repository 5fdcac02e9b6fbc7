"""Read a stated answer or a gold answer, before anything is compared. Open `answer_reader.py` first."""
