"""The development inbox: emails that arrive on this machine, to look at and to test with."""
