"""``python -m edgeonnx.cli``."""

from edgeonnx.cli import main

if __name__ == "__main__":
    main()
