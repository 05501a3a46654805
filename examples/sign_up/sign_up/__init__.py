"""An application in which people sign up with a code that an email brings.

``python -m sign_up`` runs it together with its servers.
"""
