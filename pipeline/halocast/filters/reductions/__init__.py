"""From what is known of a region to m members, one way a module.

    systematic            m exact draws, one ancestor a member (`.systematic`)
    quantile              every member moved to the posterior, scalar by scalar (`.quantile`)
    thinning              m of N samples, moments matched (`.thinning`)
    group-means           means of N / m samples each, the paper's (`.group_means`)
    rescaled-group-means  the same, their deviations times sqrt(N / m) (`.group_means`)

What each does to spread and shape is said in its module. Whatever the reduction, every scalar of an
updated block is then shifted so that the members' mean is the estimate.
"""
