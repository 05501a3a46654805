"""``passpost send --batch``: a file of emails, a journal of what became of each."""
