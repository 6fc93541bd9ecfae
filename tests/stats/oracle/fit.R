# Fits one model with ordinal::clmm (or clm, where the formula has no random term) and writes its numbers.
#
#   Rscript fit.R DATA.csv OUT.csv FORMULA LINK THRESHOLD NAGQ
#
# The response is the left side of the formula and becomes an ordered factor; text columns become factors whose levels
# are in the C locale's order, which is also Python's. A column named "weight" holds prior weights. OUT.csv has the
# columns kind, term, estimate, std_error, with one row each for the log-likelihood and the seconds that the fit took.
suppressMessages(library(ordinal))
invisible(Sys.setlocale("LC_COLLATE", "C"))
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1], stringsAsFactors = TRUE)
formula <- as.formula(arguments[3])
response <- all.vars(formula)[1]
data[[response]] <- factor(data[[response]], ordered = TRUE)
random <- grepl("|", arguments[3], fixed = TRUE)
groups <- if (random) gsub(".*\\|\\s*|\\).*", "", regmatches(arguments[3], gregexpr("\\([^)]*\\)", arguments[3]))[[1]])
for (group in if (random) unlist(strsplit(groups, "\\s*[:/]\\s*"))) data[[group]] <- factor(data[[group]])
prior <- if ("weight" %in% names(data)) data$weight else rep(1, nrow(data))
options <- list(formula, data = quote(data), link = arguments[4], threshold = arguments[5], weights = quote(prior))
if (random) options$nAGQ <- as.integer(arguments[6])
call <- as.call(c(list(if (random) clmm else clm), options))
seconds <- system.time(fit <- eval(call))[["elapsed"]]
coefficients <- summary(fit)$coefficients
kinds <- ifelse(rownames(coefficients) %in% names(fit$alpha), "threshold", "coef")
rows <- data.frame(kind = kinds, term = rownames(coefficients), estimate = coefficients[, 1],
                   std_error = coefficients[, 2])
for (group in if (random) names(VarCorr(fit))) {
  covariance <- VarCorr(fit)[[group]]
  effects <- rownames(covariance)
  names <- ifelse(effects == "(Intercept)", group, paste(effects, "|", group))
  rows <- rbind(rows, data.frame(kind = "random_sd", term = names, estimate = attr(covariance, "stddev"),
                                 std_error = NA))
  for (pair in if (length(names) > 1) combn(length(names), 2, simplify = FALSE))
    rows <- rbind(rows, data.frame(kind = "random_correlation", term = paste(names[pair], collapse = ", "),
                                   estimate = attr(covariance, "correlation")[pair[1], pair[2]], std_error = NA))
}
rows <- rbind(rows, data.frame(kind = c("log_likelihood", "seconds"), term = "",
                               estimate = c(as.numeric(logLik(fit)), seconds), std_error = NA))
rows$estimate <- format(rows$estimate, digits = 10)
write.csv(rows, arguments[2], row.names = FALSE, quote = TRUE)
