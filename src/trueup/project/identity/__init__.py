"""Who is acting, by the word of those who can know it."""
