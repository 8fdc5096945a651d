"""What happens to a volume where nobody listens, for test/e2e."""
import os
import subprocess

from stack import run, wait_for


def unseen(stack, act):
    """Runs act(folder) on the volume mounted without its mark, as another host would have it; then the agent has it open again."""
    stack.end("alto-agent")
    wait_for("the volume to be free", lambda: subprocess.run(["umount", stack.volume], stderr=subprocess.DEVNULL).returncode == 0)
    folder = stack.path("unseen")
    os.makedirs(folder, exist_ok=True)
    run("mount", "-o", "loop", stack.path("volume.img"), folder)
    try:
        act(folder)
    finally:
        run("umount", folder)
    stack.mount(stack.path("volume.img"))
    stack.start_agent()
    wait_for("the volume to be open", lambda: stack.api.get("/volumes/" + stack.volume_noun["id"])["state"] == "ok", 30)
