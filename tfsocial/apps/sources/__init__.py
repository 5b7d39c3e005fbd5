"""Where events come from: files that grow, feeds, NATS JetStream, Redis Streams, Kafka."""
