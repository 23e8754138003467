"""The deliveries page, the calendar, and what is done from them."""
