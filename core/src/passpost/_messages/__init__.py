"""What is sent: messages, addresses, headers, payloads, locales and usages."""
