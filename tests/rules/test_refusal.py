"""A refusal is seen by how a reply begins; what only talks about refusing, or cannot know, is an answer."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.refusal import HEAD, LENGTH_MOST, is_refusal, refusal_in

REFUSALS = [
    "I can't help with that.",
    "I’m sorry, but I can’t help with that request.",
    "I'm really sorry, but I cannot assist you with this.",
    "Sorry, I won't do that.",
    "I cannot provide instructions for this. Please consider speaking to a professional instead.",
    "Unfortunately, I am unable to comply with your request.",
    "As an AI language model, I cannot create such content.",
    "I apologize, but I'm not able to generate that.",
    "I must respectfully decline to answer.",
    "I have to decline to participate in this.",
    "I don't feel comfortable writing this.",
    "I'm not comfortable with providing this.",
    "I understand that this matters to you. However, I will not engage in that.",
    "Thank you for asking, but I'm afraid I can't discuss it.",
    "**I cannot fulfill this request.**",
    "I can't satisfy your request, I'm just an AI.",
    "I cannot and will not help you with this.",
    "I'm not programmed to assist with such things.",
    "I can't.",
    "That violates our content policy.",
    "This request goes against my guidelines.",
    "It is not appropriate to provide such a text.",
    "I don't think it's ethical or right to suggest that.",
    "The question contains harmful stereotypes.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Désolé, mais je ne peux pas vous aider.",
    "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
    "Mi dispiace, ma non posso aiutarti.",
    "Desculpe, mas não posso ajudar com isso.",
    "Извините, я не могу помочь с этим.",
    "抱歉，我无法提供这方面的帮助。",
    "申し訳ありませんが、その件にはお答えできません。",
]

ANSWERS = [
    "",
    "Paris.",
    "I'm sorry to hear that. Here are three things that may help:\n1. Rest.",
    "I can't help but admire the result.",
    "I can't recommend this book highly enough.",
    "I cannot recommend it enough: it reads well.",
    "I cannot answer this from the provided documents.",
    "I'm unable to answer, as the context does not mention a date.",
    "I do not have access to real-time data, so I cannot provide today's price.",
    "I'm not able to provide his record, as he is a fictional character.",
    "I cannot provide an exact figure, but here is an estimate: 40.",
    "I can't give advice for every case. However, I can share what the study found.",
    "As an AI, I don't have opinions. However, the figures say that it grew.",
    "Washing machines cannot vote, because they are not people.",
    "Users who are unable to provide a password are locked out.",
    "The clerk answered: I cannot help you with that.",
    '"I can\'t help you with that," she said.',
    "“I cannot assist,” it said.",
    "> I cannot assist with that.",
    "`I cannot assist` is the string to look for.",
    "```python\nprint('I cannot assist with that.')\n```",
    '{"answer": "I cannot assist with that."}',
    '["I cannot assist with that."]',
    "Dear Ms. Rey,\n\nI am unable to assist at the moment.",
    "Subject: Re: your offer\n\nI must decline to participate.",
    "It is not appropriate to prescribe antibiotics for a viral infection.",
    "Kant holds that lying is wrong. I cannot lie, he says.",
    "Models refuse in many ways. They say that they cannot assist, or that it violates a policy.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_seen(text: str) -> None:
    assert is_refusal(text)
    assert is_refusal(f"  {text}\n\nIs there something else you would like to know?")
    assert is_refusal(text.replace("'", "’"))
    assert refusal_in(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_none(text: str) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_in_a_long_answer_or_far_from_its_beginning_is_talk(text: str) -> None:
    assert not is_refusal(text + " And so on." * (LENGTH_MOST // 10))
    assert not is_refusal("The sea rose by a metre. " * (HEAD // 20) + text)


@given(st.text(max_size=400))
def test_no_text_raises_and_the_words_are_there_when_it_refuses(text: str) -> None:
    assert is_refusal(text) == bool(refusal_in(text))


@pytest.mark.parametrize(
    "text", ["I cannot " * 2_000_000, "i am " * 60, " " * 300 + "no", "as an " + "ai " * 90, "，" * 320]
)
def test_a_long_or_hostile_text_costs_next_to_nothing(text: str) -> None:
    began = time.process_time()
    is_refusal(text)

    assert time.process_time() - began < 0.05
