"""A worker outlives its broker: what it had not come to is left, not given back."""

from __future__ import annotations

from uuid import uuid4

from kombu import Queue

from inventory_control.celery import app


def test_a_channel_closes_with_messages_unread_although_the_broker_has_gone():
    queue = Queue(f"test-{uuid4().hex}", durable=False)
    with app.connection_for_write() as connection:
        channel = connection.channel()
        bound = queue(channel)
        bound.declare()
        with connection.Producer(channel) as producer:
            producer.publish({"look": "now"}, routing_key=queue.name)
        message = bound.get(no_ack=False)
        assert message is not None
        assert len(channel.qos._delivered) == 1
        # So kombu finds it when Celery closes what is left of a connection that was lost.
        channel.connection.client = None
        channel._disconnect_pools()

        channel.close()
