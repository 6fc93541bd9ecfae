# Fits one model with ordinal::clmm (or clm, where the formula has no random term) and writes its numbers.
#
#   Rscript fit.R DATA.csv OUT.csv FORMULA LINK
#
# The response is the left side of the formula and becomes an ordered factor; text columns become factors whose levels
# are in the C locale's order, which is also Python's. A column named "weight" holds prior weights. OUT.csv has the
# columns kind, term, estimate, std_error, with one row each for the log-likelihood and the seconds that the fit took.
suppressMessages(library(ordinal))
invisible(Sys.setlocale("LC_COLLATE", "C"))
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1], stringsAsFactors = TRUE)
formula <- as.formula(arguments[3])
link <- arguments[4]
response <- all.vars(formula)[1]
data[[response]] <- factor(data[[response]], ordered = TRUE)
random <- grepl("|", arguments[3], fixed = TRUE)
groups <- if (random) gsub(".*\\|\\s*|\\).*", "", regmatches(arguments[3], gregexpr("\\([^)]*\\)", arguments[3]))[[1]])
for (group in groups) data[[group]] <- factor(data[[group]])
prior <- if ("weight" %in% names(data)) data$weight else rep(1, nrow(data))
fitter <- if (random) clmm else clm
call <- as.call(list(fitter, formula, data = quote(data), link = link, weights = quote(prior)))
seconds <- system.time(fit <- eval(call))[["elapsed"]]
coefficients <- summary(fit)$coefficients
kinds <- ifelse(rownames(coefficients) %in% names(fit$alpha), "threshold", "coef")
rows <- data.frame(kind = kinds, term = rownames(coefficients), estimate = coefficients[, 1],
                   std_error = coefficients[, 2])
if (random) {
  sds <- sapply(VarCorr(fit), function(v) attr(v, "stddev")[[1]])
  rows <- rbind(rows, data.frame(kind = "random_sd", term = names(sds), estimate = sds, std_error = NA))
}
rows <- rbind(rows, data.frame(kind = c("log_likelihood", "seconds"), term = "",
                               estimate = c(as.numeric(logLik(fit)), seconds), std_error = NA))
rows$estimate <- format(rows$estimate, digits = 10)
write.csv(rows, arguments[2], row.names = FALSE, quote = TRUE)
