"""Opinion monitor: topics and sentiment of texts as they come, and an alarm when bad ones surge."""
