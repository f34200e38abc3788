"""Train and evaluate in one process, which spares a loop half of the imports."""

import evaluate
import train

if __name__ == "__main__":
    train.main()
    evaluate.main()
