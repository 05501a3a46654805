"""What the checks work with: the bench, proxies that break connections, and texts to look for."""
