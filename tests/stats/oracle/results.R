# What R makes of fitted models: probabilities, profile intervals, tests, conditional modes. Writes kind, term, value.
#
#   Rscript results.R DATA.csv OUT.csv
#
# DATA.csv is the table that tests.stats.cases.small() makes.
suppressMessages(library(ordinal))
invisible(Sys.setlocale("LC_COLLATE", "C"))
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1], stringsAsFactors = TRUE)
data$rating <- factor(data$rating, ordered = TRUE)
rows <- data.frame()
add <- function(kind, term, value)
  rows <<- rbind(rows, data.frame(kind = kind, term = term, value = format(value, digits = 10)))
plain <- clm(rating ~ group + dose, data = data)
at <- expand.grid(group = levels(data$group), dose = c(-1, 0.5))
add("probability", paste(rep(at$group, 4), rep(at$dose, 4), rep(1:4, each = nrow(at))),
    as.vector(predict(plain, at, type = "prob")$fit))
for (link in c("logit", "probit", "cloglog", "loglog", "cauchit")) {
  limits <- confint(update(plain, link = link))
  add(paste0("profile-", link), paste(rep(rownames(limits), 2), rep(c("low", "high"), each = nrow(limits))),
      as.vector(limits))
}
tests <- nominal_test(plain)[-1, ]
add("nominal", rownames(tests), tests$LRT)
small <- clmm(rating ~ dose + (1 | rater) + (1 | item), data = data)
large <- clmm(rating ~ group + dose + (1 | rater) + (1 | item), data = data)
compared <- anova(small, large)
add("anova", c("chi_square", "p"), c(compared$LR.stat[2], compared[["Pr(>Chisq)"]][2]))
add("mode", rownames(ranef(large)$rater), ranef(large)$rater[[1]])
add("mode_error", rownames(ranef(large)$rater), sqrt(condVar(large)$rater[[1]]))
write.csv(rows, arguments[2], row.names = FALSE, quote = TRUE)
