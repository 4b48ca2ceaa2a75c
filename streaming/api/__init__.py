"""The HTTP interface: health, the packages of ready videos, and the page that plays them."""
