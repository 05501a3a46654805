"""What the command line and the console of passpost share.

`passpost_tools.descriptions` describes config classes to editors, forms and guides. Import its
functions from `passpost.config`.
`passpost_tools.editing` changes the text of settings and keeps comments, order and formatting.
`passpost_tools.saving` replaces a settings file in one step, unless someone else changed it.
"""

__version__ = "0.1.0"
