"""The temporal network of ID-Reveal (ICCV 2021), and its class on landmark distances."""
