def is_refusal(text: str) -> bool:
    return False
