"""One email on its way: rendered, attempted before its deadline, its outcome reported."""
