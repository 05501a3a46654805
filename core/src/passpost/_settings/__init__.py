"""The config classes of passpost itself: the application's file, the policy, every connector's."""
