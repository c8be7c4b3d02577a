"""A server made with FastMCP: results of every kind of type annotation. Its argument is `stdio` or the port to listen on."""

import base64
import sys

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.utilities.types import Image
from pydantic import BaseModel

mcp = FastMCP("birds")

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Bird(BaseModel):
    name: str
    weight: float | None = None


@mcp.tool
def count(of: str) -> int:
    return len(of)


@mcp.tool
def exact() -> int:
    return 1915883588174806058


@mcp.tool
def names() -> list[str]:
    return ["duck", "Möwe"]


@mcp.tool
def nothing() -> None:
    return None


@mcp.tool
def weigh(grams: float) -> float:
    return grams * 2


@mcp.tool
def bird(name: str) -> Bird:
    return Bird(name=name)


@mcp.tool
def words(text: str) -> str:
    return text


@mcp.tool
def picture() -> Image:
    return Image(data=PIXEL, format="png")


@mcp.tool
def refuse(why: str) -> str:
    raise ToolError(why)


if sys.argv[1] == "stdio":
    mcp.run(show_banner=False)
else:
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
