"""HTTP: sessions, the concurrency limiter, the circuit breaker, retries and errors."""
