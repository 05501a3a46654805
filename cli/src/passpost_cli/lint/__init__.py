"""How ``passpost check`` shows what it finds: with the source line, as SARIF, for GitHub."""
