"""Customer service in a real Chromium: a customer, an agent, a kill, both languages, no scripts."""

from __future__ import annotations

import signal

import browsers
import gateways
import pytest
import served_models
import tiny_run

pytestmark = [pytest.mark.long, browsers.needs_chromium]

QUESTIONS = [
    ("late", "Where is my card?", "It comes in a week.", ""),
    ("lost", "I lost my card", "Block it. We send one to {address}.", ""),
    ("zh", "我的卡在哪里？", "一周内寄到。", ""),
]


@pytest.fixture
def run(url, tmp_path, tmp_path_factory, unused_port):
    """Starts it, again at the same address after a kill."""
    model = served_models.of("classify", tmp_path_factory)[1].parent
    table = tiny_run.write_csv(
        tmp_path / "faq.csv", ("id", "question", "answer", "paraphrases"), QUESTIONS
    )
    flags = (f"--model={model}", f"--questions={table}", f"--database={url}")
    running = []

    def started():
        found = gateways.start(
            tmp_path / "state", *flags, f"--port={unused_port}", command=("support",)
        )
        running.append(found)
        return found

    yield started
    for one in running:
        one.process.kill()
        one.process.wait()


def test_a_customer_an_agent_a_kill_and_a_new_question(run, tmp_path):
    server = run()
    key = agents_key(server)
    with (
        browsers.opened(tmp_path / "customer") as customer,
        browsers.opened(tmp_path / "agent") as agent,
    ):
        customer.open(server.http, "What can we help you with?")
        customer.is_clean()
        customer.write("text", "where is my card\n")
        customer.until_shown("It comes in a week.")
        customer.until(lambda: customer.focused == "text", "the field has the cursor")
        customer.is_clean()
        customer.press("Yes", "You said that this helped.")
        customer.press("A person, please", "You are number 1 in the line.")
        assert "Nobody is at the desk" in customer.text

        agent.open(f"{server.http}/support/inbox", "Your name")
        agent.is_clean()
        agent.write("name", "Bea")
        agent.write("key", f"{key}\n")
        agent.until_shown("you asked for a person")
        agent.is_clean()
        agent.follow("web-", "It waits for somebody.")
        agent.is_clean()
        agent.press("Take this talk", "Bea has it.")
        customer.until_shown("Bea is with you.")
        agent.write("text", "It left yesterday.\n")
        agent.until_shown("Make this a question of the base")
        customer.until_shown("It left yesterday.")
        customer.write("text", "half a thought")

        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server = run()
        agent.write("text", "Anything else?\n")
        agent.until_shown("Anything else?")
        customer.until_shown("Anything else?")
        assert customer.value("text") == "half a thought"
        # The connection that the kill took is the one thing that a console may tell.
        for browser in (customer, agent):
            assert all("ERR_" in one["message"] for one in browser.driver.get_log("browser"))

        agent.press("Settled", "The program answers this talk.")
        agent.fill("question", "May my dog come?")
        agent.fill("answer", "Dogs are welcome.")
        agent.press("Propose", "Make it live")
        agent.is_clean()
        agent.press("Make it live", "Nothing is proposed.")
        assert "Both are right" in agent.text  # all is alike to an encoder that learned nothing
        agent.is_clean()
        customer.fill("text", "may my dog come")
        customer.press("Send", "Dogs are welcome.")
        customer.is_clean()


def test_in_chinese_and_without_scripts_by_keyboard(run, tmp_path):
    server = run()
    with browsers.opened(tmp_path / "zh", language="zh-CN", scripts=False) as customer:
        customer.open(server.http, "请问有什么可以帮您？")
        customer.write("text", "我的卡在哪里")
        customer.keys("TAB", "ENTER")  # to the button that sends
        customer.until_shown("一周内寄到。")
        customer.keys("TAB", "TAB")  # on from the field, which has the cursor
        customer.until(lambda: customer.focused_text == "转人工", "the button for a person")
        customer.keys("ENTER")
        customer.until_shown("您排在第 1 位。")
        customer.press("English", "You are number 1 in the line.")
        customer.driver.get_log("browser")


def agents_key(server) -> str:
    (line,) = [line for line in server.said if line.startswith("agents' key: ")]
    return line.split()[2]
