"""Any API that is asked by dates: how it is declared (`api`), asked (`client`) and understood (`feed`)."""
