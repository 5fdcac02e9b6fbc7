"""What the teacher sees beyond the student's prompt: the ladder, and how each rung is rendered."""
