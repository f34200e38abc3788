"""The command ``trueup``, also as ``python -m trueup``."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    from trueup.cli import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
