module vaultcore

go 1.24
