"""Everybody who has the wiki of a company open hears what the others say."""

from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer


class Talk(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        if not self.scope["user"].is_authenticated:
            raise DenyConnection
        self.company = self.scope["url_route"]["kwargs"]["company"]
        await self.channel_layer.group_add(self.company, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "company"):
            await self.channel_layer.group_discard(self.company, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        said = f"{self.scope['user'].username}: {text_data}"
        await self.channel_layer.group_send(self.company, {"type": "said", "text": said})

    async def said(self, event: dict[str, str]) -> None:
        await self.send(event["text"])
